import { Flags } from '@oclif/core';

/** How a gateway is reached, and by whom: of every command that has one. */
export const GATEWAY_FLAGS = {
  port: Flags.integer({
    min: 0,
    max: 65_535,
    helpValue: 'PORT',
    helpGroup: 'GATEWAY',
    summary: "The gateway's port (default 8470).",
  }),
  bind: Flags.string({
    helpValue: 'ADDRESS',
    helpGroup: 'GATEWAY',
    summary: "The gateway's address (default 127.0.0.1).",
  }),
  hostname: Flags.string({
    multiple: true,
    helpValue: 'NAME',
    helpGroup: 'GATEWAY',
    summary: 'A DNS name that other machines call the gateway by.',
  }),
  allow: Flags.string({
    multiple: true,
    delimiter: ',',
    helpValue: 'NETWORK',
    helpGroup: 'GATEWAY',
    summary: 'Who may use the gateway: private (default), any, 10.1.0.0/16…',
  }),
  'rate-limit': Flags.integer({
    min: 0,
    helpValue: 'N',
    helpGroup: 'GATEWAY',
    summary: 'Requests a second that one other machine may make.',
  }),
  tls: Flags.boolean({
    helpGroup: 'GATEWAY',
    summary: 'Speak HTTPS, with a certificate of its own unless one is given.',
  }),
  'tls-certificate': Flags.file({
    helpValue: 'FILE',
    helpGroup: 'GATEWAY',
    summary: 'A certificate (PEM).',
  }),
  'tls-key': Flags.file({ helpValue: 'FILE', helpGroup: 'GATEWAY', summary: 'Its key (PEM).' }),
  'access-log': Flags.string({
    helpValue: 'FILE',
    helpGroup: 'GATEWAY',
    summary: 'A JSON line a request; - for standard error.',
  }),
} as const;

interface GivenFlags {
  port: number | undefined;
  bind: string | undefined;
  hostname: string[] | undefined;
  allow: string[] | undefined;
  'rate-limit': number | undefined;
  tls: boolean;
  'tls-certificate': string | undefined;
  'tls-key': string | undefined;
  'access-log': string | undefined;
}

/** The settings that these flags stand for. */
export function gatewaySettings(flags: GivenFlags) {
  return {
    port: flags.port,
    bind: flags.bind,
    names: flags.hostname,
    allow: flags.allow,
    rateLimit: flags['rate-limit'],
    tls: flags.tls,
    tlsCertificate: flags['tls-certificate'],
    tlsKey: flags['tls-key'],
    accessLog: flags['access-log'],
  };
}
