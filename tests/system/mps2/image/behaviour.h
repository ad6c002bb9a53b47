/* What an image does in its first boot, before it would confirm itself. One file a way of behaving. */
#ifndef BEHAVIOUR_H
#define BEHAVIOUR_H

extern const char behaviour_name[];
void behave(void);

#endif
