"""XlsxWriter in constant-memory mode, by the methods that need not look for the type of a value."""

import datetime
import json
import re
import sys
import time

import xlsxwriter

count, path, directory = int(sys.argv[1]), sys.argv[2], sys.argv[3]
since = time.monotonic()
book = xlsxwriter.Workbook(path, {"constant_memory": True, "tmpdir": directory})
day_format = book.add_format({"num_format": "yyyy-mm-dd"})
sheet = book.add_worksheet()
for column, name in enumerate(["id", "name", "amount", "day", "paid", "note"]):
    sheet.write_string(0, column, name)
first_day = datetime.date(2020, 1, 1)
for i in range(count):
    row = i + 1
    sheet.write_number(row, 0, i)
    sheet.write_string(row, 1, "Customer %d" % (i * 7919 % 100003))
    sheet.write_number(row, 2, (i * 1237 % 1000000) / 100)
    sheet.write_datetime(row, 3, first_day + datetime.timedelta(days=i % 2000), day_format)
    sheet.write_boolean(row, 4, i % 3 == 0)
    sheet.write_string(row, 5, "note <%d> & more text" % (i % 977))
book.close()
seconds = time.monotonic() - since
with open("/proc/self/status", encoding="ascii") as status:
    peak = int(re.search(r"VmHWM:\s+(\d+)", status.read())[1])
print(json.dumps({"seconds": seconds, "peakKb": peak}))
