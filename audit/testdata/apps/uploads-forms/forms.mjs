// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import formidable, { IncomingForm } from 'formidable';
export const open = () => formidable({ multiples: true, maxFileSize: Infinity }); // ! upload/too-large, upload/type
export const bounded = () => new IncomingForm({ uploadDir: 'in', maxFileSize: 5 * 1024 * 1024, filter: ({ originalFilename }) => Boolean(originalFilename) });
