"""Every method of pycolonies' API reference against a running manager: the real client from PyPI.

Started by pycolonies.test.ts with the server's port, its owner's private key and, for TLS, the word tls.
"""

import os
import sys
import threading
import time
import unittest

from crypto import Crypto
from model import Conditions, FuncSpec, Workflow
from pycolonies import Colonies, ColoniesConnectionError, ColoniesError, func_spec

PORT, SERVER_KEY = int(sys.argv.pop(1)), sys.argv.pop(1)
TLS = 'tls' in sys.argv and sys.argv.remove('tls') is None
crypto = Crypto()


def identity():
    key = crypto.prvkey()
    return key, crypto.id(key)


def until(condition, what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f'never happened: {what}')


class Case(unittest.TestCase):
    """A colony of its own with one approved executor."""

    def setUp(self):
        self.client = Colonies('localhost', PORT, TLS)
        self.colony_key, self.colony_id = identity()
        self.key, self.id = identity()
        self.colony = 'c' + self.colony_id[:12]
        self.client.add_colony({'colonyid': self.colony_id, 'name': self.colony}, SERVER_KEY)
        self.add_executor('one', self.key, self.id)

    def tearDown(self):
        try:
            self.client.del_colony(self.colony, SERVER_KEY)
        except ColoniesConnectionError:
            pass

    def add_executor(self, name, key, executor_id, type='cli', approve=True):
        executor = {'executorname': name, 'executorid': executor_id, 'colonyname': self.colony, 'executortype': type}
        added = self.client.add_executor(executor, self.colony_key)
        if approve:
            self.client.approve_executor(self.colony, name, self.colony_key)
        return added

    def spec(self, name='work', args=(), **more):
        return func_spec(name, list(args), self.colony, 'cli', **more)

    def submit(self, name='work', args=(), **more):
        return self.client.submit_func_spec(self.spec(name, args, **more), self.key)

    def run_one(self, output=()):
        process = self.client.assign(self.colony, 10, self.key)
        self.client.close(process.processid, list(output), self.key)
        return process

    def workflow(self, nodes):
        workflow = Workflow(colonyname=self.colony)
        for name, parents in nodes:
            spec = self.spec(name)
            spec.nodename = name
            spec.conditions.dependencies = parents
            workflow.functionspecs.append(spec)
        return workflow

    def refused(self, words, call, *args, **more):
        with self.assertRaises(ColoniesConnectionError) as caught:
            call(*args, **more)
        self.assertIn(words, str(caught.exception))


class ColonyTests(Case):
    def test_add_get_list_and_delete_colonies(self):
        names = [colony['name'] for colony in self.client.list_colonies(SERVER_KEY)]
        self.assertIn(self.colony, names)
        self.assertEqual(self.client.get_colony(self.colony, self.key)['colonyid'], self.colony_id)
        self.client.del_colony(self.colony, SERVER_KEY)
        self.assertNotIn(self.colony, [colony['name'] for colony in self.client.list_colonies(SERVER_KEY)])

    def test_a_colony_goes_while_processes_run(self):
        self.submit()
        self.client.assign(self.colony, 10, self.key)
        self.client.del_colony(self.colony, SERVER_KEY)
        self.refused('Access denied', self.client.get_colony, self.colony, self.key)

    def test_only_the_server_owner_makes_colonies(self):
        self.refused('Access denied', self.client.add_colony, {'colonyid': self.colony_id, 'name': 'other'}, self.colony_key)
        self.refused('already exists', self.client.add_colony, {'colonyid': self.colony_id, 'name': self.colony}, SERVER_KEY)
        self.refused('64', self.client.add_colony, {'colonyid': 'short', 'name': 'other'}, SERVER_KEY)

    def test_statistics_count_states(self):
        for _ in range(4):
            self.submit()
        one, two, _ = [self.client.assign(self.colony, 10, self.key) for _ in range(3)]
        self.client.close(one.processid, [], self.key)
        self.client.fail(two.processid, [], self.key)
        stats = self.client.stats(self.colony, self.key)
        counts = [stats[f'{state}processes'] for state in ('waiting', 'running', 'successful', 'failed')]
        self.assertEqual(counts, [1, 1, 1, 1])
        self.assertEqual([len(self.client.list_processes(self.colony, 10, state, self.key)) for state in range(4)], counts)


class ExecutorTests(Case):
    def test_approve_reject_remove(self):
        key, executor_id = identity()
        self.assertEqual(self.add_executor('two', key, executor_id, approve=False)['executorid'], executor_id)
        self.refused('not a member', self.client.assign, self.colony, 1, key)
        self.client.approve_executor(self.colony, 'two', self.colony_key)
        self.assertEqual(self.client.get_executor(self.colony, 'two', key)['state'], 1)
        self.client.reject_executor(self.colony, 'two', self.colony_key)
        self.refused('not a member', self.client.assign, self.colony, 1, key)
        self.client.remove_executor(self.colony, 'two', self.colony_key)
        states = {each['executorname']: each['state'] for each in self.client.list_executors(self.colony, self.key)}
        self.assertEqual(states, {'one': 1, 'two': 3})

    def test_what_a_removed_executor_runs_waits_again(self):
        process = self.submit()
        self.client.assign(self.colony, 10, self.key)
        user_key, user_id = identity()
        self.client.add_user({'colonyname': self.colony, 'userid': user_id, 'name': 'ann', 'email': '', 'phone': ''}, SERVER_KEY)
        self.client.remove_executor(self.colony, 'one', self.colony_key)
        again = self.client.get_process(process.processid, user_key)
        self.assertEqual((again.state, again.isassigned, again.retries), (0, False, 0))

    def test_an_executor_registers_again_under_its_name(self):
        key, executor_id = identity()
        self.add_executor('one', key, executor_id)
        self.refused('not a member', self.client.assign, self.colony, 1, self.key)
        self.assertEqual(self.client.get_executor(self.colony, 'one', key)['executorid'], executor_id)


class UserTests(Case):
    def test_users_with_the_servers_key(self):
        key, user_id = identity()
        user = {'colonyname': self.colony, 'userid': user_id, 'name': 'ann', 'email': 'ann@studio.example', 'phone': '1'}
        self.assertEqual(self.client.add_user(user, SERVER_KEY), user)
        self.refused('already exists', self.client.add_user, user, SERVER_KEY)
        self.assertEqual(self.client.get_users(self.colony, SERVER_KEY), [user])
        process = self.client.submit_func_spec(self.spec(), key)
        self.assertEqual(process.initiatorname, 'ann')
        self.client.remove_user(self.colony, 'ann', SERVER_KEY)
        self.assertEqual(self.client.get_users(self.colony, self.colony_key), [])
        self.refused('Access denied', self.client.submit_func_spec, self.spec(), key)


class ProcessTests(Case):
    def test_a_process_from_submission_to_its_output(self):
        sent = self.spec('echo', ['hello', 1], kwargs={'a': 'b', 'list': ['x', 'y']})
        sent.env = {'key': 'value'}
        process = self.client.submit_func_spec(sent, self.key)
        self.assertEqual((process.state, process.initiatorid, process.initiatorname), (0, self.id, 'one'))
        assigned = self.client.assign(self.colony, 10, self.key)
        self.assertEqual((assigned.processid, assigned.state, assigned.assignedexecutorid), (process.processid, 1, self.id))
        self.assertEqual((assigned.spec.args, assigned.spec.kwargs, assigned.spec.env), (sent.args, sent.kwargs, sent.env))
        self.client.set_output(process.processid, ['output1', 'output2'], self.key)
        self.assertEqual(self.client.get_process(process.processid, self.key).output, ['output1', 'output2'])
        self.client.close(process.processid, [], self.key)
        ended = self.client.get_process(process.processid, self.key)
        self.assertEqual((ended.state, ended.output), (2, ['output1', 'output2']))
        self.assertLess(ended.starttime, ended.endtime)

    def test_numbers_of_64_bits_come_back_exactly(self):
        process = self.submit(args=[9007199254740993, -9223372036854775808])
        self.assertEqual(self.client.get_process(process.processid, self.key).spec.args, [9007199254740993, -9223372036854775808])
        self.run_one([9223372036854775807, 1.5, 'text'])
        self.assertEqual(self.client.get_process(process.processid, self.key).output, [9223372036854775807, 1.5, 'text'])

    def test_fail_keeps_the_errors(self):
        process = self.submit()
        self.client.assign(self.colony, 10, self.key)
        self.client.fail(process.processid, ['first', 'second'], self.key)
        failed = self.client.get_process(process.processid, self.key)
        self.assertEqual((failed.state, failed.errors), (3, ['first', 'second']))
        self.refused('Tried to set failed process as successful', self.client.close, process.processid, [], self.key)

    def test_closing_twice_is_harmless(self):
        process = self.submit()
        self.run_one(['once'])
        self.client.close(process.processid, ['twice'], self.key)
        self.assertEqual(self.client.get_process(process.processid, self.key).output, ['once'])

    def test_only_its_executor_closes_a_process(self):
        key, executor_id = identity()
        self.add_executor('two', key, executor_id)
        process = self.submit()
        self.refused('not assigned', self.client.close, process.processid, [], self.key)
        self.client.assign(self.colony, 10, self.key)
        self.refused('not allowed', self.client.close, process.processid, [], key)
        self.refused('not allowed', self.client.set_output, process.processid, ['x'], key)
        self.assertEqual(self.client.get_process(process.processid, self.key).state, 1)

    def test_priorities_then_age(self):
        ids = [self.submit(priority=priority).processid for priority in (1, 2, 5, 5, -50000, 50000)]
        order = [self.client.assign(self.colony, 10, self.key).processid for _ in ids]
        self.assertEqual(order, [ids[5], ids[2], ids[3], ids[1], ids[0], ids[4]])
        self.refused('priority', self.submit, priority=50001)

    def test_named_executors_and_general_ones_share_a_queue(self):
        key, executor_id = identity()
        self.add_executor('two', key, executor_id)
        for_two = self.submit(executorname='two')
        for_all = self.submit()
        self.assertEqual(self.client.assign(self.colony, 10, self.key).processid, for_all.processid)
        self.assertEqual(self.client.assign(self.colony, 10, key).processid, for_two.processid)

    def test_assign_waits_for_a_process(self):
        later = threading.Timer(0.5, self.submit)
        later.start()
        began = time.monotonic()
        self.client.assign(self.colony, 20, self.key)
        self.assertLess(time.monotonic() - began, 10)
        later.join()
        self.refused('No process available', self.client.assign, self.colony, 1, self.key)
        self.refused('timeout cannot be zero', self.client.assign, self.colony, 0, self.key)

    def test_many_executors_never_get_one_process_twice(self):
        keys = [identity() for _ in range(10)]
        for number, (key, executor_id) in enumerate(keys):
            self.add_executor(f'e{number}', key, executor_id)
        got = []

        def take(key):
            try:
                got.append(Colonies('localhost', PORT, TLS).assign(self.colony, 3, key).processid)
            except ColoniesConnectionError:
                pass

        threads = [threading.Thread(target=take, args=(key,)) for key, _ in keys]
        for thread in threads:
            thread.start()
        ids = [self.submit().processid for _ in range(5)]
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(got), sorted(ids))

    def test_time_limits(self):
        waits = self.submit(maxwaittime=1)
        until(lambda: self.client.get_process(waits.processid, self.key).state == 3, 'it waited too long')
        self.assertEqual(self.client.get_process(waits.processid, self.key).errors, ['Maximum waiting time limit exceeded'])
        runs = self.submit(maxexectime=1, maxretries=1)
        self.client.assign(self.colony, 10, self.key)
        until(lambda: self.client.get_process(runs.processid, self.key).state == 0, 'it waits again')
        self.assertEqual(self.client.get_process(runs.processid, self.key).retries, 1)
        self.client.assign(self.colony, 10, self.key)
        until(lambda: self.client.get_process(runs.processid, self.key).state == 3, 'it failed')
        self.assertEqual(self.client.get_process(runs.processid, self.key).errors, ['Maximum execution time limit exceeded'])

    def test_no_limit_is_meant_by_zero(self):
        spec = FuncSpec(funcname='plain', conditions=Conditions(colonyname=self.colony, executortype='cli'))
        process = self.client.submit_func_spec(spec, self.key)
        self.client.assign(self.colony, 10, self.key)
        time.sleep(2.5)
        self.assertEqual(self.client.get_process(process.processid, self.key).state, 1)

    def test_remove_one_and_all(self):
        process = self.submit()
        self.client.remove_process(process.processid, self.key)
        self.refused('not found', self.client.get_process, process.processid, self.key)
        running = self.submit()
        self.client.assign(self.colony, 10, self.key)
        self.refused('running', self.client.remove_process, running.processid, self.key)
        self.submit()
        self.client.remove_all_processes(self.colony, self.colony_key, state=0)
        self.assertEqual([len(self.client.list_processes(self.colony, 10, state, self.key)) for state in (0, 1)], [0, 1])
        self.client.remove_all_processes(self.colony, self.colony_key, state=1)
        self.assertEqual(self.client.list_processes(self.colony, 10, 1, self.key), [])
        self.refused('Access denied', self.client.remove_all_processes, self.colony, self.key)

    def test_find_process(self):
        graph = self.client.submit_workflow(self.workflow([('a', []), ('b', ['a'])]), self.key)
        self.assertEqual(self.client.find_process('b', graph.processids, self.key).spec.nodename, 'b')
        self.assertIsNone(self.client.find_process('c', graph.processids, self.key))

    def test_wait_returns_what_has_ended(self):
        process = self.submit()
        ends = threading.Timer(0.5, self.run_one, args=(['done'],))
        ends.start()
        self.assertEqual(self.client.wait(process, 20, self.key).output, ['done'])
        ends.join()
        self.assertEqual(self.client.wait(process, 20, self.key).state, 2)

    def test_wait_ends_when_the_process_fails(self):
        process = self.submit()

        def fail():
            self.client.assign(self.colony, 10, self.key)
            self.client.fail(process.processid, ['bad'], self.key)

        ends = threading.Timer(0.5, fail)
        ends.start()
        self.assertEqual(self.client.wait(process, 20, self.key).state, 3)
        ends.join()

    def test_members_of_another_colony_see_nothing(self):
        other = Case()
        other.setUp()
        process = self.submit()
        self.refused('Access denied', self.client.get_process, process.processid, other.key)
        self.refused('Access denied', self.client.list_processes, self.colony, 10, 0, other.key)
        self.refused('Access denied', self.client.submit_func_spec, self.spec(), other.key)
        self.refused('Access denied', self.client.get_process, process.processid, SERVER_KEY)
        other.tearDown()


class WorkflowTests(Case):
    def test_children_wait_for_all_parents_and_get_their_output(self):
        graph = self.client.submit_workflow(self.workflow([('a', []), ('b', ['a']), ('c', ['a']), ('d', ['b', 'c'])]), self.key)
        self.assertEqual((graph.state, len(graph.processids), len(graph.rootprocessids)), (0, 4, 1))
        seen = []
        for _ in range(4):
            process = self.client.assign(self.colony, 10, self.key)
            seen.append((process.spec.nodename, process.input))
            self.client.close(process.processid, [f'from {process.spec.nodename}'], self.key)
        self.assertEqual(seen[0], ('a', []))
        self.assertEqual(sorted(name for name, _ in seen[1:3]), ['b', 'c'])
        self.assertEqual(seen[3], ('d', ['from b', 'from c']))
        ended = self.client.get_processgraph(graph.processgraphid, self.key)
        self.assertEqual((ended.state, len(ended.nodes), len(ended.edges)), (2, 4, 4))
        self.assertEqual([node.type for node in ended.nodes], ['input', '', '', 'output'])

    def test_lists_and_processes_of_workflows(self):
        graph = self.client.submit_workflow(self.workflow([('a', []), ('b', ['a'])]), self.key)
        found = self.client.get_processgraphs(self.colony, 10, self.key)
        self.assertEqual([each['processgraphid'] for each in found], [graph.processgraphid])
        self.assertEqual(self.client.get_processgraphs(self.colony, 10, self.key, state=2), [])
        processes = self.client.get_processes_for_workflow(graph.processgraphid, self.colony, self.key)
        self.assertEqual([each['processid'] for each in processes], graph.processids)

    def test_a_failed_node_fails_what_depends_on_it_and_the_graph(self):
        graph = self.client.submit_workflow(self.workflow([('a', []), ('b', ['a']), ('c', ['b'])]), self.key)
        self.run_one()
        process = self.client.assign(self.colony, 10, self.key)
        self.client.fail(process.processid, ['bad'], self.key)
        until(lambda: self.client.get_processgraph(graph.processgraphid, self.key).state == 3, 'the graph failed')
        until(
            lambda: [self.client.get_process(each, self.key).state for each in graph.processids] == [2, 3, 3],
            'what depends on it failed, what was done stays done',
        )

    def test_removal(self):
        graph = self.client.submit_workflow(self.workflow([('a', []), ('b', ['a'])]), self.key)
        self.refused('processgraph', self.client.remove_process, graph.processids[0], self.key)
        self.client.assign(self.colony, 10, self.key)
        self.refused('running', self.client.remove_processgraph, graph.processgraphid, self.key)
        second = self.client.submit_workflow(self.workflow([('a', [])]), self.key)
        self.client.remove_processgraph(second.processgraphid, self.key)
        self.refused('nil', self.client.get_processgraph, second.processgraphid, self.key)
        self.client.remove_all_processgraphs(self.colony, self.colony_key)
        self.assertEqual(self.client.get_processgraphs(self.colony, 10, self.key), [])

    def test_wrong_workflows_store_nothing(self):
        self.refused('does not exist', self.client.submit_workflow, self.workflow([('a', ['nowhere'])]), self.key)
        self.refused('Duplicate nodename', self.client.submit_workflow, self.workflow([('a', []), ('a', [])]), self.key)
        self.refused('circle', self.client.submit_workflow, self.workflow([('a', ['b']), ('b', ['a'])]), self.key)
        self.refused('functionspecs', self.client.submit_workflow, self.workflow([]), self.key)
        self.assertEqual(self.client.get_processgraphs(self.colony, 10, self.key), [])

    def test_add_child_between_and_beside(self):
        graph = self.client.submit_workflow(self.workflow([('map', []), ('reduce', ['map'])]), self.key)
        parent = self.client.assign(self.colony, 10, self.key)
        reduce = graph.processids[1]
        first = self.client.add_child(graph.processgraphid, parent.processid, '', self.spec('part'), 'part1', True, self.key)
        second = self.client.add_child(graph.processgraphid, parent.processid, reduce, self.spec('part'), 'part2', False, self.key)
        self.assertEqual(first['parents'], [parent.processid])
        self.client.close(parent.processid, ['seed'], self.key)
        for number in range(2):
            part = self.client.assign(self.colony, 10, self.key)
            self.assertEqual((part.spec.nodename[:4], part.input), ('part', ['seed']))
            self.client.close(part.processid, [number], self.key)
        last = self.client.assign(self.colony, 10, self.key)
        self.assertEqual((last.processid, last.input, last.parents), (reduce, [0, 1], [first['processid'], second['processid']]))
        self.client.close(last.processid, [], self.key)
        until(lambda: self.client.get_processgraph(graph.processgraphid, self.key).state == 2, 'the graph is done')


class NoteTests(Case):
    def test_attributes(self):
        spec = self.spec()
        spec.env = {'env': 'e'}
        process = self.client.submit_func_spec(spec, self.key)
        self.refused('not running', self.client.add_attribute, process.processid, 'k', 'v', self.key)
        self.client.assign(self.colony, 10, self.key)
        added = self.client.add_attribute(process.processid, 'k', 'v', self.key)
        self.assertEqual(self.client.get_attribute(added['attributeid'], self.key)['value'], 'v')
        found = {each.key: each.value for each in self.client.get_process(process.processid, self.key).attributes}
        self.assertEqual(found, {'env': 'e', 'k': 'v'})

    def test_logs(self):
        process = self.submit()
        self.client.assign(self.colony, 10, self.key)
        self.client.add_log(process.processid, 'first line', self.key)
        for log in (
            self.client.get_process_log(self.colony, process.processid, 100, -1, self.key),
            self.client.get_executor_log(self.colony, 'one', 100, -1, self.key),
            self.client.get_executor_log(self.colony, self.id, 100, -1, self.key),
        ):
            self.assertEqual([line['message'] for line in log], ['first line'])
        since = log[0]['timestamp']
        self.client.add_log(process.processid, 'second line', self.key)
        newer = self.client.get_process_log(self.colony, process.processid, 100, since, self.key)
        self.assertEqual([line['message'] for line in newer], ['second line'])

    def test_functions(self):
        self.client.add_function(self.colony, 'one', 'work', self.key)
        self.client.add_function(self.colony, 'one', 'work', self.key)
        self.assertEqual(len(self.client.get_functions_by_executor(self.colony, 'one', self.key)), 1)
        self.submit()
        self.run_one()
        [function] = self.client.get_functions_by_colony(self.colony, self.key)
        self.assertEqual((function['funcname'], function['executortype'], function['counter']), ('work', 'cli', 1))


class CronTests(Case):
    def test_crons(self):
        workflow = self.workflow([('a', [])])
        cron = self.client.add_cron('first', '0/1 * * * * *', True, workflow, self.colony, self.key)
        self.assertEqual((cron['name'], cron['waitforprevprocessgraph']), ('first', True))
        self.client.add_cron('second', '0 * * * *', False, workflow, self.colony, self.key)
        self.assertEqual(len(self.client.get_crons(self.colony, 10, self.key)), 2)
        self.assertEqual(self.client.get_cron(cron['cronid'], self.key)['checkerperiod'], 1000)
        first = self.client.assign(self.colony, 10, self.key)
        self.assertEqual(first.input, [])
        time.sleep(1.5)
        self.assertEqual(len(self.client.get_processgraphs(self.colony, 10, self.key)), 1)
        self.client.close(first.processid, ['carried', 'on'], self.key)
        self.assertEqual(self.client.assign(self.colony, 10, self.key).input, ['carried', 'on'])
        self.client.del_cron(cron['cronid'], self.key)
        self.assertEqual([each['name'] for each in self.client.get_crons(self.colony, 10, self.key)], ['second'])
        self.refused('expected 6 fields', self.client.add_cron, 'third', '* *', False, workflow, self.colony, self.key)

    def test_run_cron(self):
        cron = self.client.add_cron('yearly', '0 0 0 1 1 *', False, self.workflow([('a', [])]), self.colony, self.key)
        self.assertEqual(self.client.run_cron(cron['cronid'], self.key)['cronid'], cron['cronid'])
        self.assertEqual(self.client.assign(self.colony, 10, self.key).spec.nodename, 'a')

    def test_generators(self):
        text = self.workflow([('a', [])]).model_dump_json()
        given = {'colonyname': self.colony, 'name': 'gen', 'workflowspec': text, 'trigger': 2, 'timeout': -1}
        generator = self.client.add_generator(given, self.key)
        id = generator['generatorid']
        for number in range(5):
            self.client._Colonies__rpc({'msgtype': 'packgeneratormsg', 'generatorid': id, 'arg': f'a{number}'}, self.key)
        self.assertEqual([self.client.assign(self.colony, 10, self.key).spec.args for _ in range(2)], [['a0', 'a1'], ['a2', 'a3']])
        until(lambda: self.client.get_generator(id, self.key)['queuesize'] == 1, 'one argument is left')
        self.assertEqual(len(self.client.get_generators(self.colony, self.key)), 1)
        self.client.remove_generator(id, self.key)
        self.assertEqual(self.client.get_generators(self.colony, self.key), [])


class FileTests(Case):
    def add_file(self, label, name, size=1):
        s3 = {'server': 'localhost', 'port': 9000, 'tls': False, 'accesskey': '', 'secretkey': '', 'region': '', 'encryptionkey': '', 'encryptionalg': '', 'object': 'o' * 64, 'bucket': 'b'}
        file = {'fileid': '', 'colonyname': self.colony, 'label': label, 'name': name, 'size': size, 'sequencenr': 1, 'checksum': 'c', 'checksumalg': 'SHA256', 'ref': {'protocol': 's3', 's3object': s3}, 'added': None}
        return self.client._Colonies__rpc({'msgtype': 'addfilemsg', 'file': file}, self.key)

    def test_metadata_of_files(self):
        first, second = self.add_file('/l1', 'f', 1), self.add_file('/l1', 'f', 2)
        self.add_file('/l1/sub', 'g')
        self.add_file('/l10', 'h')
        self.assertEqual([each['size'] for each in self.client.get_file(self.colony, self.key, label='/l1', filename='f')], [2])
        versions = self.client.get_file(self.colony, self.key, label='/l1', filename='f', latest=False)
        self.assertEqual([each['fileid'] for each in versions], [second['fileid'], first['fileid']])
        self.assertEqual(self.client.get_file(self.colony, self.key, fileid=first['fileid'])[0]['size'], 1)
        self.assertEqual([(each['name'], each['s3filename']) for each in self.client.get_files('/l1', self.colony, self.key)], [('f', 'o' * 64)])
        names = lambda **more: [each['name'] for each in self.client.get_file_labels(self.colony, self.key, **more)]
        self.assertEqual(names(), ['/l1', '/l1/sub', '/l10'])
        self.assertEqual(names(name='/l1', exact=True), ['/l1', '/l1/sub'])
        self.assertEqual(names(name='/l1'), ['/l1', '/l1/sub', '/l10'])
        self.client._Colonies__rpc({'msgtype': 'removefilemsg', 'colonyname': self.colony, 'fileid': None, 'label': '/l1', 'name': 'f'}, self.key)
        self.refused('Failed to get file', self.client.get_file, self.colony, self.key, label='/l1', filename='f')

    def test_snapshots(self):
        empty = self.client.create_snapshot(self.colony, '/nothing', 'empty', self.key)
        file = self.add_file('/l1', 'f')
        taken = self.client.create_snapshot(self.colony, '/l1/', 'taken', self.key)
        self.assertEqual((taken['label'], taken['fileids']), ('/l1', [file['fileid']]))
        self.assertEqual(self.client.get_snapshot_by_name(self.colony, 'taken', self.key)['snapshotid'], taken['snapshotid'])
        self.assertEqual(self.client.get_snapshot_by_id(self.colony, empty['snapshotid'], self.key)['name'], 'empty')
        self.assertEqual(sorted(each['name'] for each in self.client.get_snapshots(self.colony, self.key)), ['empty', 'taken'])
        self.refused('already exists', self.client.create_snapshot, self.colony, '/l1', 'taken', self.key)


class ChannelTests(Case):
    def channelled(self):
        spec = self.spec()
        spec.channels = ['chat']
        return self.client.submit_func_spec(spec, self.key)

    def test_append_and_read(self):
        process = self.channelled()
        append = lambda *args, **more: self.client.channel_append(process.processid, 'chat', *args, **more)
        append(1, b'one', self.key)
        append(2, 'two', self.key, in_reply_to=1)
        append(3, b'', self.key)
        append(4, bytes(range(256)), self.key, payload_type='end')
        entries = self.client.channel_read(process.processid, 'chat', 0, 0, self.key)
        self.assertEqual([entry['type'] for entry in entries], ['data', 'data', 'data', 'end'])
        self.assertEqual((entries[0]['payload'], entries[3]['payload']), (b'one', bytes(range(256))))
        self.assertEqual(entries[1]['inreplyto'], 1)
        page = self.client.channel_read(process.processid, 'chat', 1, 2, self.key)
        self.assertEqual([entry['sequence'] for entry in page], [2, 3])
        self.assertEqual(self.client.channel_read(process.processid, 'chat', 99, 0, self.key), [])

    def test_a_payload_of_a_megabyte(self):
        process = self.channelled()
        payload = os.urandom(1_048_576)
        self.client.channel_append(process.processid, 'chat', 1, payload, self.key)
        self.assertEqual(self.client.channel_read(process.processid, 'chat', 0, 0, self.key)[0]['payload'], payload)

    def test_who_may_and_when_it_ends(self):
        key, executor_id = identity()
        self.add_executor('two', key, executor_id)
        process = self.channelled()
        self.refused('Not authorized', self.client.channel_read, process.processid, 'chat', 0, 0, key)
        self.refused('Channel not found', self.client.channel_read, process.processid, 'other', 0, 0, self.key)
        self.client.assign(self.colony, 10, key)
        self.client.channel_append(process.processid, 'chat', 1, b'x', key)
        self.client.close(process.processid, [], key)
        self.refused('Channel not found', self.client.channel_read, process.processid, 'chat', 0, 0, self.key)

    def test_subscribers_get_what_was_there_and_what_comes(self):
        process = self.channelled()
        self.client.assign(self.colony, 10, self.key)
        self.client.channel_append(process.processid, 'chat', 1, b'before', self.key)
        got = []

        def follow():
            Colonies('localhost', PORT, TLS).subscribe_channel(process.processid, 'chat', self.key, timeout=20, callback=lambda entries: got.extend(entries))

        thread = threading.Thread(target=follow)
        thread.start()
        until(lambda: len(got) == 1, 'what was there')
        for number in range(2, 5):
            self.client.channel_append(process.processid, 'chat', number, f'live {number}', self.key)
        until(lambda: len(got) == 4, 'what came')
        self.assertEqual([entry['payload'] for entry in got], [b'before', b'live 2', b'live 3', b'live 4'])
        self.client.close(process.processid, [], self.key)
        thread.join(10)
        self.assertFalse(thread.is_alive(), 'the subscription ended with its process')

    def test_subscriptions_that_are_refused_say_why(self):
        process = self.channelled()
        with self.assertRaises(ColoniesError):
            self.client.subscribe_channel(process.processid, 'other', self.key, timeout=5)
        self.assertEqual(self.client.subscribe_channel(process.processid, 'chat', self.key, timeout=1), [])


class BlueprintTests(Case):
    def definition(self, handler=None):
        spec = {'group': 'studio', 'version': 'v1', 'names': {'kind': 'Deployment', 'listKind': 'DeploymentList', 'singular': 'deployment', 'plural': 'deployments'}, 'scope': 'Namespaced'}
        spec['schema'] = {'type': 'object', 'properties': {'replicas': {'type': 'number'}, 'on': {'type': 'boolean'}}, 'required': ['replicas']}
        if handler:
            spec['handler'] = handler
        return {'kind': 'TestKind', 'metadata': {'name': 'deployments', 'colonyname': self.colony}, 'spec': spec}

    def blueprint(self, replicas=1, **more):
        return {'kind': 'Deployment', 'metadata': {'name': 'web', 'colonyname': self.colony}, 'spec': {'replicas': replicas, 'on': True, 'nested': {'a': [1, None]}}, **more}

    def test_definitions(self):
        self.client.add_blueprint_definition(self.definition(), self.colony_key)
        found = self.client.get_blueprint_definition(self.colony, 'deployments', self.key)
        self.assertEqual((found['kind'], found['spec']['names']['kind']), ('TestKind', 'Deployment'))
        self.assertEqual(len(self.client.get_blueprint_definitions(self.colony, self.key)), 1)
        self.client.add_blueprint(self.blueprint(), self.key)
        self.refused('is used by', self.client.remove_blueprint_definition, self.colony, 'deployments', self.colony_key)
        self.client.remove_blueprint(self.colony, 'web', self.key)
        self.client.remove_blueprint_definition(self.colony, 'deployments', self.colony_key)
        self.refused('not found', self.client.get_blueprint_definition, self.colony, 'deployments', self.key)
        self.refused('Access denied', self.client.add_blueprint_definition, self.definition(), self.key)

    def test_blueprints_with_status_and_history(self):
        self.client.add_blueprint_definition(self.definition(), self.colony_key)
        added = self.client.add_blueprint(self.blueprint(), self.key)
        self.assertEqual(self.client.get_blueprint(self.colony, 'web', self.key)['spec'], self.blueprint()['spec'])
        self.client.update_blueprint_status(self.colony, 'web', {'ready': 1}, self.key)
        self.client.update_blueprint(self.blueprint(), self.key)
        self.client.update_blueprint(self.blueprint(2), self.key)
        changed = self.client.get_blueprint(self.colony, 'web', self.key)
        self.assertEqual((changed['metadata']['generation'], changed['status']), (1, {'ready': 1}))
        history = self.client.get_blueprint_history(added['blueprintid'], self.key)
        self.assertEqual([each['changetype'] for each in history], ['update', 'create'])
        self.client.update_blueprint(self.blueprint(2), self.key, force_generation=True)
        self.assertEqual(len(self.client.get_blueprint_history(added['blueprintid'], self.key, limit=1)), 1)
        self.assertEqual([each['metadata']['name'] for each in self.client.get_blueprints(self.colony, self.key, kind='Deployment')], ['web'])
        self.assertEqual(self.client.get_blueprints(self.colony, self.key, location='nowhere'), [])
        self.refused('replicas must be of type number', self.client.update_blueprint, self.blueprint('two'), self.key)
        self.refused('not found in namespace', self.client.add_blueprint, {**self.blueprint(), 'kind': 'Other'}, self.key)

    def test_reconciling(self):
        handler = {'executorType': 'cli', 'functionName': 'reconcile'}
        self.client.add_blueprint_definition(self.definition(handler), self.colony_key)
        self.client.add_blueprint(self.blueprint(), self.key)
        process = self.run_one()
        self.assertEqual((process.spec.funcname, process.spec.kwargs), ('reconcile', {'kind': 'Deployment', 'blueprintName': 'web'}))
        self.assertEqual([each['name'] for each in self.client.get_crons(self.colony, 10, self.key)], ['reconcile-Deployment'])
        asked = self.client.reconcile_blueprint(self.colony, 'web', self.key, force=True)
        self.assertEqual(self.run_one().processid, asked['processid'])
        self.client.remove_blueprint(self.colony, 'web', self.key)
        self.assertEqual(self.run_one().spec.funcname, 'cleanup')
        self.assertEqual(self.client.get_crons(self.colony, 10, self.key), [])

    def test_a_blueprint_may_name_its_own_reconciler(self):
        self.client.add_blueprint_definition(self.definition(), self.colony_key)
        self.client.add_blueprint(self.blueprint(), self.key)
        self.refused('no handler', self.client.reconcile_blueprint, self.colony, 'web', self.key)
        self.client.update_blueprint(self.blueprint(handler={'executortype': 'cli'}), self.key)
        self.client.reconcile_blueprint(self.colony, 'web', self.key)
        self.assertEqual(self.run_one().spec.funcname, 'reconcile')


if __name__ == '__main__':
    unittest.main(verbosity=2)
