// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Module } from '@nestjs/common';
import { CatsController, DogsController } from './pets';

@Module({ controllers: [CatsController, DogsController] })
export class AppModule {}
