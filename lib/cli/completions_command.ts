/** completions. */
import { buildCommand } from "@stricli/core";
import { quote } from "@lib/errors/mod.ts";
import type { CliContext } from "../context.ts";

const shells = ["bash", "zsh", "fish"] as const;
type Shell = typeof shells[number];

/** The script asks `mcp __complete <words…>`, whose last word is the one that is being written. */
const scripts: Record<Shell, string> = {
  bash: `_mcp() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$(mcp __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _mcp mcp
`,
  zsh: `#compdef mcp
_mcp() {
  local -a proposals
  proposals=("\${(@f)$(mcp __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a proposals
}
compdef _mcp mcp
`,
  fish: `complete -c mcp -f -a '(mcp __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};

export const completionsCommand = buildCommand({
  docs: {
    brief: "Print a completion script for a shell",
    customUsage: [
      { input: "bash > ~/.local/share/bash-completion/completions/mcp", brief: "bash" },
      { input: "zsh > ~/.zfunc/_mcp", brief: "zsh" },
      { input: "fish > ~/.config/fish/completions/mcp.fish", brief: "fish" },
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
    this.print(scripts[shell]);
  },
});
