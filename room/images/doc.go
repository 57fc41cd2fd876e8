// Package images takes the pictures that members send, keeps them in a folder or an S3 bucket, and serves them.
//
// A picture is decoded and encoded anew: what is served is what this package wrote, so that it carries neither places and
// names in metadata nor another format behind the picture, and no file that only looks like one is ever served. The
// package knows nothing of rooms and messages; who may upload is told by its caller. Its one goroutine is that of Run,
// which throws away what is too old or too much.
package images
