// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express, { Router, type Application, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { PageController } from './controller.js';

class Server {
  private readonly app: Application;
  private readonly router = Router();
  private readonly pages = new PageController();
  constructor() {
    this.app = express();
    this.app.use(helmet(), express.json());
    this.mount();
    this.app.use('/pages', this.router);
    this.app.use((_err: Error, _req: Request, res: Response, _next: NextFunction) => { res.status(500).end(); });
  }
  private mount() {
    this.router.route('/:id').put(this.pages.copied).patch(this.pages.edited).post(this.pages.merged);
    this.router.put('/:id/asserted', this.pages.asserted);
    this.router.post('/import', this.pages.imported);
  }
  start(port: number) { this.app.listen(port); }
}
new Server().start(3000);
