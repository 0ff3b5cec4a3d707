// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { plainToInstance } from 'class-transformer';
import { validate, validateOrReject } from 'class-validator';
import express, { type NextFunction, type Request, type Response } from 'express';
import * as OpenApiValidator from 'express-openapi-validator';
import helmet from 'helmet';
import { Note, NoteDto } from './note';

const app = express();
app.use(helmet());
app.use(express.json());
app.post('/before', async (req: Request, res: Response) => {
  await Note.find({ text: req.body.text }); // ! nosql/operator
  res.end();
});
app.post('/dto', async (req: Request, res: Response) => {
  const dto = plainToInstance(NoteDto, req.body as object);
  const errors = await validate(dto, { whitelist: true });
  if (errors.length > 0) {
    res.status(400).end();
    return;
  }
  await Note.create(dto);
  res.end();
});
app.post('/dto/open', async (req: Request, res: Response) => {
  const dto = plainToInstance(NoteDto, req.body as object);
  await validateOrReject(dto);
  await Note.find({ text: dto.text });
  await Note.create(dto); // ! validate/mass-assignment
  res.end();
});
app.post('/dto/exposed', async (req: Request, res: Response) => {
  await Note.create(plainToInstance(NoteDto, req.body as object, { excludeExtraneousValues: true }));
  res.end();
});
const schema = { type: 'object', properties: { text: { type: 'string' } } };
const apiSpec = { openapi: '3.0.3', paths: { '/notes': { post: { requestBody: { content: { 'application/json': { schema } } } } } } };
app.use(OpenApiValidator.middleware({ apiSpec, validateRequests: true }));
app.post('/notes', async (req: Request, res: Response) => {
  await Note.find({ text: req.body.text });
  await Note.create(req.body); // ! validate/mass-assignment
  res.end();
});
app.use((_err: Error, _req: Request, res: Response, _next: NextFunction) => { res.status(500).end(); });
app.listen(3000);
