// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

export type Fields = Record<string, unknown>;
const EDITABLE: ReadonlySet<string> = new Set(['title', 'text']);

export function copy(into: Fields, from: Fields): Fields {
  for (const [key, value] of Object.entries(from)) into[key] = value;
  return into;
}
export function editable(from: Fields): Fields {
  return Object.keys(from)
    .filter((key) => EDITABLE.has(key))
    .reduce<Fields>((all, key) => ({ ...all, [key]: from[key] }), {});
}
export function assertEditable(from: Fields): void {
  const extra = Object.keys(from).find((key) => !EDITABLE.has(key));
  if (extra !== undefined && extra) throw new Error('unknown field');
}
