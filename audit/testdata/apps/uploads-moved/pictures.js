// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
const router = require('express').Router();
const path = require('path');
const fileUpload = require('express-fileupload');
const types = { 'image/png': '.png' };
router.use(fileUpload({ limits: { fileSize: 2 * 1024 * 1024 }, abortOnLimit: true }));
router.post('/', (req, res, next) => {
  const { picture } = req.files;
  if (!types[picture.mimetype]) return res.sendStatus(415);
  picture.mv(path.join(__dirname, 'store', picture.md5 + types[picture.mimetype]), (err) => (err ? next(err) : res.end()));
});
router.post('/named', (req, res, next) => {
  const picture = req.files.picture;
  picture.mv('./store/' + picture.name, (err) => (err ? next(err) : res.end())); // ! upload/name
});
router.post('/public', (req, res, next) => {
  const uploadPath = __dirname + '/public/uploads/' + req.files.picture.name;
  req.files.picture.mv(uploadPath, (err) => { // ! upload/name
    if (err) return next(err);
    res.end();
  });
});
router.post('/served', async (req, res, next) => {
  try {
    await req.files.picture.mv(`./public/uploads/${req.files.picture.name}`); // ! upload/name, upload/dangerous
    res.end();
  } catch (e) {
    next(e);
  }
});
module.exports = router;
