// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import { User } from './user';
import type { Vault } from '@company/vault';
export class Doors {
  constructor(private readonly vault: Vault) {}
  async open(email: string, pass: string): Promise<string> {
    const user = await User.findOne({ email: String(email) });
    if (!user || !(await user.matches(pass))) throw new Error('no');
    return user.id;
  }
  async unlock(pass: string): Promise<boolean> {
    return this.vault.isValidPassword(pass);
  }
}
