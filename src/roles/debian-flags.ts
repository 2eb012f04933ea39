import { Flags } from '@oclif/core';

/** A flag that takes a list, by commas or again and again. */
export const commaList = { multiple: true, delimiter: ',' } as const;

/** Where Debian packages come from, instead of the host's apt sources. */
export const DEBIAN_SOURCE_FLAGS = {
  'debian-mirror': Flags.string({
    helpValue: 'URL',
    helpGroup: 'DEBIAN',
    summary: "A mirror, instead of the host's apt sources.",
  }),
  'debian-suite': Flags.string({
    ...commaList,
    helpValue: 'LIST',
    helpGroup: 'DEBIAN',
    summary: 'Suites on that mirror.',
  }),
  'debian-component': Flags.string({
    ...commaList,
    helpValue: 'LIST',
    helpGroup: 'DEBIAN',
    summary: 'Components (default: main).',
  }),
  'debian-keyring': Flags.string({
    helpValue: 'FILE',
    helpGroup: 'DEBIAN',
    summary: 'The keyring that its Release is signed with.',
  }),
};
