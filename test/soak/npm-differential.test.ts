import { CLIENTS, compareSets, PLATFORMS, type Platform } from '../clients/npm-compare.js';
import { NPM_SETS } from '../clients/npm-sets.js';

// `X_PART=2/8` runs the second of eight parts; X_SETS, X_NPM and X_TARGETS are patterns of what else to keep to.
const [part = 1, parts = 1] = (process.env['X_PART'] ?? '1/1').split('/').map(Number);
const keeps = (name: string): ((text: string) => boolean) => {
  const pattern = new RegExp(process.env[name] ?? '');
  return (text) => pattern.test(text);
};

const sets = NPM_SETS.filter((_, at) => at % parts === part - 1);
compareSets(
  sets.filter(({ title }) => keeps('X_SETS')(title)),
  {
    platforms: (Object.keys(PLATFORMS) as Platform[]).filter(keeps('X_TARGETS')),
    clients: CLIENTS.filter(keeps('X_NPM')),
  },
);
