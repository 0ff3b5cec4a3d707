// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express, { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import { UserController } from './user.controller';

const routes = [
  { method: 'get', route: '/users', action: 'all' }, { method: 'get', route: '/users/names', action: 'names' },
  { method: 'get', route: '/users/selected', action: 'selected' }, { method: 'get', route: '/users/:id', action: 'one' },
  { method: 'post', route: '/users', action: 'save' }, { method: 'post', route: '/users/create', action: 'create' },
  { method: 'post', route: '/users/named', action: 'named' }, { method: 'post', route: '/users/assigned', action: 'assigned' },
  { method: 'put', route: '/users/:id', action: 'update' }, { method: 'patch', route: '/users/:id', action: 'merge' },
  { method: 'put', route: '/users/:id/built', action: 'built' }, { method: 'post', route: '/users/managed', action: 'managed' },
  { method: 'post', route: '/users/transacted', action: 'transacted' }, { method: 'get', route: '/many', action: 'many' },
  { method: 'get', route: '/members', action: 'members' }, { method: 'get', route: '/shown', action: 'shown' }, { method: 'post', route: '/notes', action: 'note' },
];
const app = express();
app.use(helmet());
app.use(express.json());
const controller = new UserController();
for (const { method, route, action } of routes) {
  (app as any)[method](route, (req: Request, res: Response, next: NextFunction) => (controller as any)[action](req, res, next));
}
app.use((_err: Error, _req: Request, res: Response, _next: NextFunction) => { res.status(500).end(); });
app.listen(3000);
