import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Contender } from './contender.js';
import { whyNoCommand } from './host-process.js';

const PORT = 8080;
const PARALLEL = 8;

/** Everybody fetches everything from one web server: nginx, and curl with eight transfers at a time. */
export const nginxContender: Contender = {
  name: 'nginx',
  whyNot: () => whyNoCommand('nginx') ?? whyNoCommand('curl'),
  needsPlain: true,
  prepare: () => Promise.resolve(),
  source: async ({ content, folder }) => {
    const own = join(folder, 'nginx');
    await mkdir(own);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((kind) => `${kind}_temp_path ${own}/${kind};`)
      .join(' ');
    const config = `
      user root; daemon off; worker_processes 1; pid ${own}/pid; error_log ${own}/error.log;
      events { worker_connections 1024; }
      http {
        access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000; ${temporary}
        server { listen ${PORT}; root ${content.plain}; }
      }`;
    await writeFile(join(own, 'nginx.conf'), config);
    return {
      command: ['nginx', '-p', own, '-c', join(own, 'nginx.conf'), '-e', `${own}/error.log`],
    };
  },
  serving: { port: PORT },
  client: async ({ content, lan, folder }, host) => {
    const own = join(folder, `nginx-${host}`);
    await mkdir(own);
    const base = `http://${lan.address(0)}:${PORT}`;
    const list = content.files
      .map(({ path }) => `url = "${base}/${path}"\noutput = "${own}/${path}"\n`)
      .join('');
    await writeFile(join(folder, `curl-${host}`), list);
    return {
      manner: 'plain',
      command: [
        ...['curl', '--silent', '--show-error', '--fail', '--create-dirs', '--parallel'],
        ...['--parallel-max', String(PARALLEL), '--config', join(folder, `curl-${host}`)],
      ],
    };
  },
};
