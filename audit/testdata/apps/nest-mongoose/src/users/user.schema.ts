// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Prop, Schema, SchemaFactory } from '@nestjs/mongoose';
import { HydratedDocument } from 'mongoose';

export type UserDocument = HydratedDocument<User>;

@Schema({ timestamps: true })
export class User {
  @Prop({ required: true }) email: string;
  @Prop({ required: true }) password: string;
  @Prop({ default: 'user' }) role: string;
}
export const UserSchema = SchemaFactory.createForClass(User);
