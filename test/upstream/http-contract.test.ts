import { startFixtureUpstream } from '../../fixtures/upstream/server.js';
import { upstreamContract } from '../contract/upstream.js';
import { openUpstream } from './http-harness.js';

upstreamContract('http', async (t) => {
  const files = new Map<string, Uint8Array>();
  const server = await startFixtureUpstream({
    npm: {
      handle: (path) => {
        const body = files.get(path);
        return body === undefined
          ? { status: 404, headers: {}, body: '' }
          : { status: 200, headers: {}, body };
      },
    },
  });
  t.after(() => server.close());
  return {
    upstream: openUpstream(t),
    publish: (name, bytes) => {
      files.set(`/${name}`, bytes);
      return Promise.resolve(`${server.url}/npm/${name}`);
    },
    missing: `${server.url}/npm/missing`,
  };
});
