// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { MongoClient, type Db, type Collection } from 'mongodb';
import { z } from 'zod';
import type { Request, Response } from 'express';
const client = new MongoClient(process.env.MONGO_URI!);
const db: Db = client.db('bank');
const Body = z.object({ email: z.string() });
export class AccountController {
  private accounts: Collection = db.collection('accounts');
  find = async (req: Request, res: Response): Promise<void> => {
    const email = req.body.email as string;
    const account = await this.accounts.findOne({ email }); // ! nosql/operator
    res.json({ id: account?._id });
  };
  checked = async (req: Request, res: Response): Promise<void> => {
    res.json({ found: await this.accounts.countDocuments({ email: req.body.email }) });
  };
  parsed = async (req: Request, res: Response): Promise<void> => {
    const { email } = Body.parse(req.body);
    res.json({ found: await this.accounts.countDocuments({ email }) });
  };
  list = async (req: Request, res: Response): Promise<void> => {
    // Express 5 makes no objects of query strings.
    res.json({ found: await this.accounts.countDocuments({ owner: req.query.owner }) });
  };
}
