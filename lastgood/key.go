package lastgood

import "strconv"

// Key joins parts into one key so that two different lists of parts never give the same
// key: each part is preceded by its length. Use it for the key function of [NewKeyed]:
//
//	lastgood.Key(tenant(ctx), req.User, req.Movie)
//
// Plain concatenation would let one tenant's request read another's answer ("ab"+"c" is
// "a"+"bc"). Key() without parts is "", which no store keeps; Key("") is not.
func Key(parts ...string) string {
	size := 0
	for _, p := range parts {
		size += len(p) + len("0:") + len("00") // enough for parts of up to 999 bytes
	}
	key := make([]byte, 0, size)
	for _, p := range parts {
		key = strconv.AppendInt(key, int64(len(p)), 10)
		key = append(key, ':')
		key = append(key, p...)
	}
	return string(key)
}
