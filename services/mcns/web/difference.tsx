/** What a change took away and put in, as lines. */

export function Difference({ removed, added }: { removed: readonly string[]; added: readonly string[] }) {
  return (
    <ul class="difference">
      {removed.map((line) => <Line sign="−" meaning="removed" line={line} />)}
      {added.map((line) => <Line sign="+" meaning="added" line={line} />)}
    </ul>
  );
}

function Line({ sign, meaning, line }: { sign: string; meaning: "removed" | "added"; line: string }) {
  return (
    <li class={meaning}>
      <span aria-hidden="true" class="sign">{sign}</span>
      <span class="unseen">{meaning}:</span>
      <code>{line}</code>
    </li>
  );
}
