// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { PartialType } from '@nestjs/mapped-types';
import { Type } from 'class-transformer';
import { IsEmail, IsOptional, IsString, MinLength, ValidateNested } from 'class-validator';

export class AddressDto {
  @IsString() city: string;
}
export class CreateUserDto {
  @IsEmail() email: string;
  @IsString() @MinLength(8) password: string;
  @IsOptional() @ValidateNested() @Type(() => AddressDto) address?: AddressDto;
}
export class UpdateUserDto extends PartialType(CreateUserDto) {}
// Nothing is checked here, so Nest lets it all through.
export interface LooseUser { email: string }
