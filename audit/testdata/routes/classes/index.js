// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
class Controller {
  constructor(service) { this.service = service; this.list = this.list.bind(this); }
  list(req, res) { res.json(this.service.all()); }
  one = (req, res) => res.json(this.service.get(req.params.id));
}
class Base {
  constructor() { this.app = express(); this.setup(); this.routes(); }
  setup() { this.app.use(express.json()); }
  routes() {}
}
class Server extends Base {
  routes() {
    super.routes();
    const c = new Controller({ all: () => [], get: () => ({}) });
    const router = express.Router();
    router.get('/', c.list);
    router.get('/:id', c.one);
    this.app.use('/things', router);
    this.mount('/static', 'a');
  }
  mount(prefix, ...names) { names.forEach((n) => this.app.get(prefix + '/' + n, (req, res) => res.end())); }
  listen(port) { return this.app.listen(port); }
}
new Server().listen(3000);
