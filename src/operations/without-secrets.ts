/**
 * Takes user names and passwords out of the addresses in a text of any format, slashes escaped as
 * JSON may do included. Names of environment variables are no secrets and stay, and so does the
 * account of an SSH address, which has no password.
 * @see RFC 3986, section 3.2.1
 */
export function withoutSecrets(text: string): string {
  return text.replace(USER_INFORMATION, (userInformation: string, at: number) => {
    const isSsh = text.slice(Math.max(0, at - LONGEST_SSH), at).match(/ssh:[\\/]+$/i) !== null;
    if (isSsh && !userInformation.includes(':')) return userInformation;
    return VARIABLES_ONLY.test(userInformation) ? userInformation : '';
  });
}

/** What stands between `://` and the last `@` before the path. */
const USER_INFORMATION = /(?<=:(?:\/|\\\/){2})[^\s/\\"'<>?#]*@/g;

/** `${USER}:${PASSWORD}@`, as pip and npm expand them. */
const VARIABLES_ONLY = /^\$\{[A-Za-z0-9_]+\}(?::\$\{[A-Za-z0-9_]+\})?@$/;

/** `ssh:\/\/` */
const LONGEST_SSH = 8;
