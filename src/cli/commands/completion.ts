/** `maillog completion`: a bash completion script, made from the commands themselves. */
import type { Command } from 'commander';

/** Commands of a group, and options. */
function wordsOf({ commands, options }: Command): string {
  const longs = options.map(({ long }) => long).filter((long) => long !== undefined);
  return [...commands.map((command) => command.name()), ...longs, '--help'].join(' ');
}

export function completionScript(program: Command): string {
  const names = program.commands.map((command) => command.name());
  const cases = program.commands.map(
    (command) => `    ${command.name()}) words="${wordsOf(command)}" ;;`,
  );
  const groups = program.commands.filter(({ commands }) => commands.length > 0);
  const inner = groups.flatMap((group) =>
    group.commands.map(
      (command) => `    "${group.name()} ${command.name()}") words="${wordsOf(command)}" ;;`,
    ),
  );
  const groupNames = groups.map((group) => group.name()).join('|');
  return `# bash completion of maillog: source <(maillog completion)
_maillog() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="${names.join(' ')} --help --version" ;;
  esac
  local first=1
  case "\${COMP_WORDS[1]}" in ${groupNames}) [ "$COMP_CWORD" -gt 1 ] && first=2 ;; esac
  case "\${COMP_WORDS[1]} \${COMP_WORDS[2]}" in
${inner.join('\n')}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${names.join(' ')} --help --version"; fi
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) if [ "$COMP_CWORD" -le "$first" ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi ;;
  esac
}
complete -o filenames -F _maillog maillog
`;
}
