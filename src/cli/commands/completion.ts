/** `maillog completion`: a bash completion script, made from the commands themselves. */
import type { Command } from 'commander';

export function completionScript(program: Command): string {
  const names = program.commands.map((command) => command.name());
  const cases = program.commands.map((command) => {
    const options = command.options
      .map((option) => option.long)
      .filter((long) => long !== undefined);
    return `    ${command.name()}) words="${[...options, '--help'].join(' ')}" ;;`;
  });
  return `# bash completion of maillog: source <(maillog completion)
_maillog() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="${names.join(' ')} --help --version" ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words="${names.join(' ')} --help --version"; fi
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "$words" -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi ;;
  esac
}
complete -o filenames -F _maillog maillog
`;
}
