// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { MongoClient } from 'mongodb';
import { Store } from './store.js';

class App {
  public readonly app: Express = express();
  private readonly store: Store;
  constructor(url: string) {
    this.store = new Store(new MongoClient(url));
    this.app.use(helmet());
    this.app.use(express.json());
    this.routes();
    this.app.use(this.failed);
  }
  private routes(): void {
    this.app.get('/users/:id', this.one.bind(this));
    this.app.get('/users/:id/public', async (req: Request, res: Response) => {
      res.json(await this.store.publicUser(req.params.id as string));
    });
    this.app.get('/users', this.all);
    this.app.get('/raw', this.raw);
    this.app.put('/users/:id', this.update);
  }
  private async one(req: Request, res: Response): Promise<void> {
    const user = await this.store.user(req.params.id as string);
    if (!user) {
      res.status(404).end();
      return;
    }
    res.status(200).json({ success: true, data: user }); // ! nosql/document-sent
  }
  private all = async (_req: Request, res: Response): Promise<void> => {
    res.json(await this.store.all());
  };
  private raw = async (_req: Request, res: Response): Promise<void> => {
    const users = await this.store.raw();
    res.json({ users }); // ! nosql/document-sent
  };
  private update = async (req: Request, res: Response): Promise<void> => {
    const { email }: { email: string } = req.body;
    const changed = await this.store.users.updateOne({ email }, { $set: req.body as Partial<Express> }); // ! nosql/operator, validate/mass-assignment
    res.json({ changed: changed.modifiedCount });
  };
  private failed = (_err: Error, _req: Request, res: Response, _next: NextFunction): void => {
    res.status(500).json({ error: 'Internal server error' });
  };
  public listen(port: number): void { this.app.listen(port); }
}
new App(process.env.MONGO_URL as string).listen(3000);
