// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import 'dotenv/config';
import { cleanEnv, port, str } from 'envalid';
import { z } from 'zod';
import Joi from 'joi';
import env from 'env-var';

export const clean = cleanEnv(process.env, {
  PORT: port({ default: 3000 }),
  SECRET_A: str({ default: 'changeme' }),
  SECRET_B: str({ devDefault: 'only on my machine' }),
});
export const parsed = z.object({
  SECRET_C: z.string().min(8).default('secret from zod'),
  SECRET_D: z.string().min(32),
}).parse(process.env);
const { value, error } = Joi.object({ SECRET_E: Joi.string().default('secret from joi') }).unknown().validate(process.env);
if (error) throw error;
export const joined = value;
export const secretF = env.get('SECRET_F').default('secret').asString();
export const secretG = env.get('SECRET_G').required().asString();
const { SECRET_H = 'letmein', SECRET_I } = process.env;
export { SECRET_H, SECRET_I };
export const secretJ = process.env.NODE_ENV === 'production' ? process.env.SECRET_J : 'for developers';
process.env.SECRET_K = process.env.SECRET_K || 'fallback';
export default class Config {
  static readonly secret = process.env['SECRET_L'] ?? 'fallback';
}
