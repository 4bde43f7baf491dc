"""One task for each picture: decodes once, and makes the smaller variants from the largest one, as ours does."""

import json
import os
import sys
import time

from celery import Celery
from celery.signals import worker_ready
from PIL import Image, ImageOps

app = Celery("celery_images", broker=os.environ["BENCH_REDIS_URL"])
app.conf.task_ignore_result = True
# What it prints is for the benchmark, not for a log.
app.conf.worker_redirect_stdouts = False

sides = json.loads(os.environ["BENCH_SIDES"])
target = os.environ["BENCH_TARGET"]


@app.task
def render(source, number):
    with Image.open(source) as picture:
        # Has the decoder make it smaller at once, where the format can.
        picture.draft("RGB", (sides[0], sides[0]))
        upright = ImageOps.exif_transpose(picture)
        upright.thumbnail((sides[0], sides[0]), Image.Resampling.LANCZOS)
        for side in sides:
            variant = upright.copy()
            variant.thumbnail((side, side), Image.Resampling.LANCZOS)
            path = os.path.join(target, f"{number}-{side}.jpg")
            variant.save(path + ".part", "JPEG", quality=80, progressive=True)
            os.rename(path + ".part", path)


@worker_ready.connect
def say_ready(**_):
    print("ready", flush=True)


if __name__ == "__main__":
    # Here the clock begins: not with the start of Python.
    print(time.time(), flush=True)
    with app.producer_pool.acquire(block=True) as producer:
        for number in range(int(sys.argv[2])):
            render.apply_async((sys.argv[1], number), producer=producer)
