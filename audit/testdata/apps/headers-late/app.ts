// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express from 'express';
import helmet from 'helmet';
class App {
  public app = express();
  constructor() { this.routes(); this.security(); }
  private routes() { this.app.get('/', (req, res) => { res.send('x'); }); }
  private security() {
    this.app.use(helmet({ contentSecurityPolicy: false })); // ! headers/none, headers/csp-missing
    this.app.use((err: Error, req: express.Request, res: express.Response, next: express.NextFunction) => { res.status(500).end(); });
  }
}
new App().app.listen(3000);
