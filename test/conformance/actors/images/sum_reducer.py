"""Stand-in for abacosamples/sum_reducer: adds the numbers of its message to its state."""
import ast

from agavepy.actors import get_context, update_state

context = get_context()
state = ast.literal_eval(context.state) if context.state else {}
for key, value in context.message_dict.items():
    if isinstance(value, int):
        state[key] = state.get(key, 0) + value
update_state(state)
print('state is now', state)
