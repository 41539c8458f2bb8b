"""Stand-in for abacosamples/sleep_loop: a line for each of so many pauses."""
import time

from agavepy.actors import get_context

message = get_context().message_dict
for turn in range(int(message.get('iterations', 6))):
    print('iteration', turn)
    time.sleep(float(message.get('sleep', 10)))
