/** Sorts items into groups by a name, in the order in which the names first come. */
export function groupBy<Item>(items: readonly Item[], name: (item: Item) => string): ReadonlyMap<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) {
    const group = groups.get(name(item));
    if (group === undefined) groups.set(name(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** Counts items by a name. */
export function countBy<Item, Name extends string>(
  items: readonly Item[],
  name: (item: Item) => Name,
): Map<Name, number> {
  const counts = new Map<Name, number>();
  for (const item of items) counts.set(name(item), (counts.get(name(item)) ?? 0) + 1);
  return counts;
}
