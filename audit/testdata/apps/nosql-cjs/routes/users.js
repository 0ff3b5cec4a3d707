// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const router = require('express').Router();
const service = require('../services/user');
const asyncHandler = (fn) => (req, res, next) => Promise.resolve(fn(req, res, next)).catch(next);

router.get('/search', asyncHandler(async (req, res) => {
  const { name } = req.query;
  res.json(await service.byName(name));
}));
router.get('/safe', asyncHandler(async (req, res) => {
  res.json(await service.byName(String(req.query.name)));
}));
router.get('/guarded', asyncHandler(async (req, res) => {
  const { name } = req.query;
  if (typeof name !== 'string') return res.status(400).end();
  res.json(await service.exact(name));
}));
router.get('/half', asyncHandler(async (req, res) => {
  let { name } = req.query;
  if (typeof name !== 'string') { name = ''; }
  res.json(await service.exact(name));
}));
router.get('/notaguard', asyncHandler(async (req, res) => {
  const { name } = req.query;
  if (!name || !/^[a-z]+$/.test(name)) return res.status(400).end();
  res.json(await service.loose(name));
}));
router.get('/helper', asyncHandler(async (req, res) => {
  if (!isText(req.query.name)) return res.status(400).end();
  res.json(await service.exact(req.query.name));
}));
router.get('/:id', asyncHandler(async (req, res) => {
  res.json(await service.exact(req.params.id));
}));
router.post('/filter', asyncHandler(async (req, res) => {
  res.json(await service.all(req.body));
}));
router.post('/eq', asyncHandler(async (req, res) => {
  res.json(await service.eq(req.body.name));
}));
router.post('/where', (req, res, next) => {
  service.where(req.body.name, (err, docs) => {
    if (err) return next(err);
    res.json(docs);
  });
});
router.post('/inlist', asyncHandler(async (req, res) => {
  const by = {};
  if (['a', 'b'].includes(req.body.kind)) by.kind = req.body.kind;
  by.name = { $regex: String(req.body.name) };
  res.json(await service.exactAll(by));
}));
router.post('/build', asyncHandler(async (req, res) => {
  const by = { active: true };
  if (req.body.name) by.name = req.body.name;
  res.json(await service.built(by));
}));
function isText(v) { return typeof v === 'string' && v.length < 100; }
module.exports = router;
