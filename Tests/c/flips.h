/* Random bits of the segment are flipped while processes use it. */
#ifndef FLIPS_H
#define FLIPS_H

#include "peer.h"

/** Values of the peers: to stop, and how often they have done what they do. */
enum { FLIP_STOP = 0, FLIP_PROGRESS = 1 };

/** Runs `use` in several processes, and flips bits of the tables of mailboxes and chunks and of the
 *  heap, in several rounds. Everybody has to go on, or to end in peace. */
void flip_under(peer_body_t use);

#endif
