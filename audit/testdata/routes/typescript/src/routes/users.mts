// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Router, type Request, type Response } from 'express';
export const users: Router = Router();
class Users<T> {
  constructor(private readonly all: T[]) {}
  list = async (req: Request, res: Response): Promise<void> => { res.json(this.all); };
}
const c = new Users<string>([]);
users.get('/', c.list);
users.post('/', (req, res) => { res.json(req.body satisfies unknown); });
