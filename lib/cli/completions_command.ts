import { buildCommand, type Command } from "@stricli/core";
import { quote } from "@lib/errors/mod.ts";
import type { CliContext } from "./context.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = typeof shells[number];

/** The script asks `NAME __complete <words…>`, whose last word is the one that is being written. */
const scripts: Record<Shell, (name: string) => string> = {
  bash: (name) =>
    `_${name}() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(${name} __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _${name} ${name}
`,
  zsh: (name) =>
    `#compdef ${name}
_${name}() {
  local -a proposals
  proposals=("\${(@f)$(${name} __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a proposals
}
compdef _${name} ${name}
`,
  fish: (name) =>
    `complete -c ${name} -f -a '(${name} __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

/** `NAME completions SHELL`: prints the script that teaches a shell the program's words. */
export function completionsCommand(name: string): Command<CliContext> {
  return buildCommand({
    docs: {
      brief: "Print a completion script for a shell",
      customUsage: [
        { input: `bash > ~/.local/share/bash-completion/completions/${name}`, brief: "bash" },
        { input: `zsh > ~/.zfunc/_${name}`, brief: "zsh" },
        { input: `fish > ~/.config/fish/completions/${name}.fish`, brief: "fish" },
      ],
    },
    parameters: {
      positional: {
        kind: "tuple",
        parameters: [{
          brief: "bash, zsh or fish",
          placeholder: "shell",
          parse: (text: string): Shell => {
            const found = shells.find((one) => one === text);
            if (found === undefined) throw new Error(`must be one of ${shells.join(", ")}, got ${quote(text)}`);
            return found;
          },
          proposeCompletions: () => [...shells],
        }],
      },
    },
    func(this: CliContext, _flags: Record<never, never>, shell: Shell) {
      this.print(scripts[shell](name));
    },
  });
}
