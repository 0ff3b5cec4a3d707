// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const router = require('express').Router();
const Post = require('../models/post');

router.get('/', async (req, res) => res.json(await Post.find()));
router.get('/authors', async (req, res) => res.json(await Post.find().populate('author'))); // ! nosql/document-sent
router.get('/names', async (req, res) => res.json(await Post.find().populate('author', 'name')));
router.get('/tags', async (req, res) => res.json(await Post.find().populate('tags')));
router.get('/both', async (req, res) => res.json(await Post.find().populate('tags author'))); // ! nosql/document-sent
router.get('/comments', async (req, res) => {
  const posts = await Post.find().populate({ path: 'comments.by' }).exec();
  res.json({ posts }); // ! nosql/document-sent
});
router.get('/comment-names', async (req, res) => {
  const posts = await Post.find().populate({ path: 'comments.by', select: '-password' }).exec();
  res.json({ posts });
});
router.get('/:id', async (req, res) => {
  const post = await Post.findById(req.params.id);
  await post.populate([{ path: 'author' }]);
  res.json(post); // ! nosql/document-sent
});
module.exports = router;
