// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { IsString } from 'class-validator';
import { model, Schema } from 'mongoose';
export const Note = model('Note', new Schema({ text: String, pinned: Boolean }));
export class NoteDto {
  @IsString() text!: string;
}
