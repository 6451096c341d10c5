// Package rolling counts and times events over the last seconds, in buckets of a second:
// the package of the same name of hystrix-go, with its exported fields. The circuits of
// package hystrix keep their own statistics; these types are for collectors that use them.
//
// Buckets are keyed by Unix second, so these types, unlike anything that decides, follow
// the wall clock.
package rolling
