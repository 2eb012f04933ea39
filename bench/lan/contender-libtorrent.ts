import { execFile, execFileSync } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import type { Content, Contender } from './contender.js';
import { PYTHON, script } from './host-process.js';

const PEER = script('libtorrent-peer.py');

/** As X's own. Of 64 KiB to 1 MiB, the tuned one is fastest with 64 to 128 KiB, by up to a tenth. */
const PIECE_BYTES = 256 << 10;

/**
 * BitTorrent by libtorrent, each peer told of all others: no tracker, DHT nor discovery to wait for.
 * `tuned`: with settings for a LAN, instead of its own.
 */
function libtorrent(manner: 'plain' | 'tuned'): Contender {
  const name = manner === 'plain' ? 'libtorrent' : 'libtorrent-tuned';
  const torrent = (content: Content): string => join(content.prepared, `${name}.torrent`);
  return {
    name,
    whyNot,
    needsPlain: true,
    prepare: async (content) => {
      await rm(torrent(content), { force: true });
      const pieceBytes = String(PIECE_BYTES);
      await promisify(execFile)(PYTHON, [
        PEER,
        'make',
        content.plain,
        torrent(content),
        pieceBytes,
      ]);
    },
    source: ({ content }) =>
      Promise.resolve({ command: [PYTHON, PEER, 'seed', manner, content.plain, torrent(content)] }),
    serving: { event: 'serving' },
    client: async ({ content, lan, folder, clients }, host, gate) => {
      const own = join(folder, `${name}-${host}`);
      await mkdir(own);
      const others = [0, ...clients].filter((other) => other !== host);
      const target = join(own, basename(content.plain));
      return {
        manner: 'gated',
        command: [
          ...[PYTHON, PEER, 'leech', manner, target, torrent(content), gate],
          ...others.map((other) => lan.address(other)),
        ],
      };
    },
  };
}

function whyNot(): string | undefined {
  try {
    execFileSync(PYTHON, ['-c', 'import libtorrent'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'libtorrent for Python is not installed (Debian: python3-libtorrent)';
  }
}

export const libtorrentContender = libtorrent('plain');
export const tunedLibtorrentContender = libtorrent('tuned');
