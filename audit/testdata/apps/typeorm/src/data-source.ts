// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { DataSource } from 'typeorm';
import { Member, Note, User } from './entities';

export const AppDataSource = new DataSource({ type: 'postgres', entities: [User, Member, Note] });
