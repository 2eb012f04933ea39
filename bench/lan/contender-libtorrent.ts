import { execFile, execFileSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { basename } from 'node:path';
import type { Content, Contender } from './contender.js';
import { PYTHON, script } from './host-process.js';

const PEER = script('libtorrent-peer.py');

const torrent = (content: Content): string => join(content.prepared, 'content.torrent');

/** BitTorrent by libtorrent, each peer told of all others: no tracker, DHT nor discovery to wait for. */
export const libtorrentContender: Contender = {
  name: 'libtorrent',
  whyNot: () => {
    try {
      execFileSync(PYTHON, ['-c', 'import libtorrent'], { stdio: 'ignore' });
      return undefined;
    } catch {
      return 'libtorrent for Python is not installed (Debian: python3-libtorrent)';
    }
  },
  needsPlain: true,
  prepare: async (content) => {
    await rm(torrent(content), { force: true });
    await promisify(execFile)(PYTHON, [PEER, 'make', content.plain, torrent(content)]);
  },
  source: ({ content }) =>
    Promise.resolve({ command: [PYTHON, PEER, 'seed', content.plain, torrent(content)] }),
  serving: { event: 'serving' },
  client: async ({ content, lan, folder, clients }, host, gate) => {
    const own = join(folder, `libtorrent-${host}`);
    await mkdir(own);
    const others = [0, ...clients].filter((other) => other !== host);
    return {
      manner: 'gated',
      command: [
        ...[PYTHON, PEER, 'leech', join(own, basename(content.plain)), torrent(content), gate],
        ...others.map((other) => lan.address(other)),
      ],
    };
  },
};
