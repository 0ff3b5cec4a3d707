// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { PrismaClient } from '@prisma/client';
export const prisma = new PrismaClient();
export default prisma;
