// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { MongoClient, ObjectId, type Collection, type Db } from 'mongodb';

export interface User { _id: ObjectId; email: string; password: string }

export class Store {
  private db!: Db;
  constructor(private readonly client: MongoClient) {
    this.db = this.client.db('shop');
  }
  get users(): Collection<User> { return this.db.collection<User>('users'); }
  async user(id: string): Promise<User | null> {
    return this.users.findOne({ _id: new ObjectId(id) });
  }
  async publicUser(id: string) {
    return this.users.findOne({ _id: new ObjectId(id) }, { projection: { password: 0 } });
  }
  async all() {
    return this.users.find({}).project({ email: 1 }).toArray();
  }
  async raw() {
    return this.users.find({}).sort({ email: 1 }).limit(20).toArray();
  }
}
