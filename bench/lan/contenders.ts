import type { Contender } from './contender.js';
import { libtorrentContender, tunedLibtorrentContender } from './contender-libtorrent.js';
import { nginxContender } from './contender-nginx.js';
import { rsyncContender } from './contender-rsync.js';
import { streamContender } from './contender-stream.js';
import { xContender } from './contender-x.js';

export const CONTENDERS: readonly Contender[] = [
  ...[xContender, libtorrentContender, tunedLibtorrentContender],
  ...[nginxContender, rsyncContender, streamContender],
];
