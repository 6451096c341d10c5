/* The breaker of breaker.go with one probe, its lease and the epochs, as atomic steps.
 *
 * Time is in ticks and counts down. An epoch is not a number here: when the state changes,
 * the tokens of all calls under way become stale, which is what comparing epochs finds out.
 * free.pml lets callers do what they will and says what must hold; a trace of the real code
 * is checked against the same steps (see breaker_spin_test.go, which also puts faults in here
 * and demands that free.pml's checks find them).
 *
 * Left out are more probes than one, slow results, rates below 100 %, a window that forgets, a
 * sleep window that grows, and whatever an operator does. */

#ifndef CALLERS
#define CALLERS 3
#endif
#ifndef VOLUME
#define VOLUME 2   /* results before the breaker judges; all must be errors to open it */
#endif
#ifndef SLEEP
#define SLEEP 2    /* ticks of a sleep window */
#endif
#ifndef LEASE
#define LEASE 3    /* ticks of a probe's lease */
#endif
#ifndef ENOUGH
#define ENOUGH 2   /* ignored probes in a row that close the circuit (10 in the code) */
#endif
#define NOBODY 255

mtype = { closed, open, halfopen, success, failure, neutral, ignoring }

mtype state = closed;
byte sleepLeft = 0;
byte requests = 0;        /* results of this epoch, up to VOLUME */
bool allErrors = true;    /* whether all of them were errors */
byte holder = NOBODY;     /* whose probe is out */
byte leaseLeft = 0;       /* of that probe */
byte ignoredInRow = 0;

bool admitted[CALLERS];   /* has a call under way */
bool probing[CALLERS];    /* which was admitted as a probe */
bool stale[CALLERS];      /* and belongs to an earlier epoch */

inline newEpoch(to) {
  state = to; requests = 0; allErrors = true; holder = NOBODY; leaseLeft = 0; ignoredInRow = 0;
  for (k : 0 .. CALLERS-1) { stale[k] = admitted[k] }
}

inline openUp() { newEpoch(open); sleepLeft = SLEEP }

/* A call comes. Afterwards admitted[i] says whether it was let through. */
inline admit(i) {
  assert(!admitted[i]);
  if
  :: state == open && sleepLeft == 0 -> newEpoch(halfopen)
  :: else -> skip
  fi;
  if
  :: state == closed -> admitted[i] = true; probing[i] = false; stale[i] = false
  :: state == halfopen && (holder == NOBODY || leaseLeft == 0) ->
     holder = i; leaseLeft = LEASE;
     for (k : 0 .. CALLERS-1) { /* whose lease ran out has lost its place */
       if :: admitted[k] && probing[k] -> stale[k] = true :: else -> skip fi
     };
     admitted[i] = true; probing[i] = true; stale[i] = false
  :: else -> skip
  fi
}

/* The call of i ends. */
inline settle(i, how) {
  assert(admitted[i]);
  admitted[i] = false;
  if
  :: stale[i] -> skip
  :: else ->
     if
     :: probing[i] ->
        bool late = leaseLeft == 0;
        holder = NOBODY;
        if
        :: late -> skip
        :: !late && how == success -> newEpoch(closed)
        :: !late && how == failure -> openUp()
        :: !late && how == neutral -> skip
        :: !late && how == ignoring ->
           ignoredInRow++;
           if :: ignoredInRow >= ENOUGH -> newEpoch(closed) :: else -> skip fi
        fi
     :: else ->
        if
        :: state == closed && (how == success || how == failure) ->
           if :: requests < VOLUME -> requests++ :: else -> skip fi;
           if :: how == success -> allErrors = false :: else -> skip fi;
           if :: requests >= VOLUME && allErrors -> openUp() :: else -> skip fi
        :: else -> skip
        fi
     fi
  fi;
  probing[i] = false; stale[i] = false
}

inline tick() {
  if :: sleepLeft > 0 -> sleepLeft-- :: else -> skip fi;
  if :: leaseLeft > 0 -> leaseLeft-- :: else -> skip fi
}
