// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import type { Request, Response } from 'express';
import { Page } from './page.js';
import { assertEditable, copy, editable, type Fields } from './fields.js';

export class PageController {
  copied = async (req: Request, res: Response): Promise<void> => {
    await Page.findByIdAndUpdate(req.params.id, copy({}, req.body as Fields)); // ! validate/mass-assignment
    res.end();
  };
  edited = async (req: Request, res: Response): Promise<void> => {
    await Page.findByIdAndUpdate(req.params.id, editable(req.body as Fields));
    res.end();
  };
  asserted = async (req: Request, res: Response): Promise<void> => {
    assertEditable(req.body);
    await Page.findByIdAndUpdate(req.params.id, { $set: req.body });
    res.end();
  };
  merged = async (req: Request<{ id: string }>, res: Response): Promise<void> => {
    const page = await Page.findById(req.params.id);
    if (!page) throw new Error('none');
    const { id: _id, ...changes } = req.body as Fields & { id: string };
    Object.assign(page, changes); // ! validate/mass-assignment
    await page.save();
    res.json(page);
  };
  imported = async (req: Request, res: Response): Promise<void> => {
    const pages = (req.body.pages as Fields[]).map((p) => new Page(p)); // ! validate/mass-assignment
    await Promise.all(pages.map((p) => p.save()));
    res.json({ n: pages.length });
  };
}
