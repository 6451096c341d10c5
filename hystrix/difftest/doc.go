// Package difftest holds hystrix-go itself against package hystrix: the same exported
// surface, and the same answers to the same random programs but for the mends that
// docs/from-hystrix-go.md lists. It is a module of its own so that nobody who uses quill
// downloads hystrix-go for it.
package difftest
