// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

export const FIELDS = ['name', 'price'];
export const isAllowed = (name) => FIELDS.includes(name);
export function onlyAllowed(body) {
  for (const key of Object.keys(body)) {
    if (!isAllowed(key)) throw new Error(`${key} is not allowed`);
  }
}
export const pick = (from, names) => names.reduce((all, n) => (n in from ? { ...all, [n]: from[n] } : all), {});
