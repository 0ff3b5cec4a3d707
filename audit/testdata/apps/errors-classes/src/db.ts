// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import fs from 'fs/promises';
export async function load(id: string): Promise<{ name: string } | undefined> {
  return JSON.parse(await fs.readFile('users.json', 'utf8'))[id];
}
export async function save(user: { name: string }): Promise<void> {
  await fs.appendFile('users.json', JSON.stringify(user));
}
