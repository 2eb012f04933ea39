/** A command as far as completion goes. */
export interface CompletedCommand {
  name: string;
  summary: string;
  flags: {
    name: string;
    char: string | undefined;
    summary: string;
    takesValue: boolean;
    options: readonly string[];
  }[];
  /** What its first, second… argument can be, where that is a closed list. */
  words: readonly (readonly string[])[];
}

export type Shell = 'bash' | 'zsh' | 'fish';

/** The script that teaches a shell the command line of `x`. */
export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  switch (shell) {
    case 'bash':
      return bash(commands);
    case 'zsh':
      return zsh(commands);
    case 'fish':
      return fish(commands);
  }
}

function bash(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ name, flags, words }) => {
    const values = flags
      .filter(({ options }) => options.length > 0)
      .map(
        ({ name: flag, options }) =>
          `        --${flag}) COMPREPLY=($(compgen -W '${options.join(' ')}' -- "$word")); return ;;`,
      );
    const files = flags
      .filter(({ takesValue, options }) => takesValue && options.length === 0)
      .flatMap(({ name: flag, char }) => [
        `--${flag}`,
        ...(char === undefined ? [] : [`-${char}`]),
      ]);
    return [
      `    ${name})`,
      '      case "$before" in',
      ...values,
      ...(files.length === 0
        ? []
        : [`        ${files.join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;`]),
      '      esac',
      `      words='${flags.map((flag) => `--${flag.name}`).join(' ')}'`,
      '      case "$COMP_CWORD" in',
      ...words.map((list, at) => `        ${at + 2}) words="${list.join(' ')} $words" ;;`),
      '      esac ;;',
    ].join('\n');
  });
  return `# bash completion for x: source it, or put it into /etc/bash_completion.d/x
_x() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')}' -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$word"))
}
complete -o filenames -F _x x
`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(({ name, flags, words }) => {
    const specs = flags.map(({ name: flag, char, summary, takesValue, options }) => {
      const value = !takesValue
        ? ''
        : options.length > 0
          ? `:value:(${options.join(' ')})`
          : ':value:_files';
      const text = `[${zshText(summary)}]${value}`;
      return char === undefined ? `'--${flag}${text}'` : `{-${char},--${flag}}'${text}'`;
    });
    const places = words.map((list, at) => `'${at + 1}:word:(${list.join(' ')})'`);
    const others = places.length > 0 ? places : [`'*:file:_files'`];
    return `    ${name}) _arguments ${[...specs, ...others].join(' \\\n      ')} ;;`;
  });
  return `#compdef x
# zsh completion for x: put it into a folder of $fpath as _x
_x() {
  local -a commands
  commands=(
${commands.map(({ name, summary }) => `    '${name}:${zshText(summary)}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = _x ]; then _x "$@"; else compdef _x x; fi
`;
}

/** Within single quotes and brackets. */
function zshText(text: string): string {
  return text.replaceAll("'", `'\\''`).replace(/[[\]:]/g, (character) => `\\${character}`);
}

function fish(commands: readonly CompletedCommand[]): string {
  const lines = ['# fish completion for x: put it into ~/.config/fish/completions/x.fish'];
  for (const { name, summary, flags, words } of commands) {
    lines.push(`complete -c x -n __fish_use_subcommand -f -a ${name} -d ${fishText(summary)}`);
    const seen = `-n '__fish_seen_subcommand_from ${name}'`;
    for (const [at, list] of words.entries()) {
      const here = `-n '__fish_seen_subcommand_from ${name}; and test (count (commandline -opc)) -eq ${at + 2}'`;
      lines.push(`complete -c x ${here} -f -a '${list.join(' ')}'`);
    }
    for (const { name: flag, char, summary: text, takesValue, options } of flags) {
      const short = char === undefined ? '' : ` -s ${char}`;
      const value = !takesValue ? '' : options.length > 0 ? ` -x -a '${options.join(' ')}'` : ' -r';
      lines.push(`complete -c x ${seen} -l ${flag}${short}${value} -d ${fishText(text)}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fishText(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
