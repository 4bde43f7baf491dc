import type { ReadDocument } from './documents.ts';
import { runTool } from './tools.ts';

/** Containers alone: a playlist would name other files. */
const containers = 'mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,ogg,flv,asf';
const guarded = ['-v', 'error', '-protocol_whitelist', 'file', '-format_whitelist', containers];
const posterSide = 1_600;

interface Probed {
  format?: { duration?: string };
  streams?: { codec_type?: string; codec_name?: string; width?: number; height?: number; disposition?: { attached_pic?: number } }[];
}

/** With ffprobe and ffmpeg: what is in it, and a picture of an early moment. */
export const readVideo: ReadDocument = async (directory, limits) => {
  const probe = ['ffprobe', ...guarded, '-of', 'json', '-show_format', '-show_streams', 'source'];
  const probed = await runTool(directory, probe, limits);
  if (probed === 'missing') return { kind: 'video', problem: 'tool_missing' };
  const { format, streams = [] } = probed === 'failed' ? {} : (JSON.parse(probed.output) as Probed);
  const video = streams.find(({ codec_type: type, disposition }) => type === 'video' && disposition?.attached_pic !== 1);
  if (video === undefined) return { kind: 'video', problem: 'unreadable' };
  const audio = streams.find(({ codec_type: type }) => type === 'audio');
  const duration = Number(format?.duration);
  const at = Number.isFinite(duration) ? Math.min(1, duration / 2) : 0;
  const scale = `scale=w='min(${String(posterSide)},iw)':h=-2`;
  const draw = [
    'ffmpeg',
    '-nostdin',
    ...guarded,
    '-ss',
    at.toFixed(3),
    '-i',
    'source',
    '-an',
    '-frames:v',
    '1',
    '-vf',
    scale,
    '-threads',
    '1',
    'poster.png',
  ];
  const drawn = await runTool(directory, draw, limits);
  return {
    kind: 'video',
    ...(Number.isFinite(duration) && { durationSeconds: duration }),
    ...(video.width !== undefined && video.height !== undefined && { width: video.width, height: video.height }),
    ...(video.codec_name !== undefined && { videoCodec: video.codec_name }),
    ...(audio?.codec_name !== undefined && { audioCodec: audio.codec_name }),
    files: { ...(typeof drawn === 'object' && { poster: { path: 'poster.png', contentType: 'image/png' } }) },
  };
};
