"""What runs in the background ends, also where a first cancellation is lost."""

import asyncio

from weighbridge.control.ending import end_tasks


def test_a_cancellation_that_is_lost_is_repeated():
    async def deaf():
        for _ in range(2):
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue
        await asyncio.sleep(60)

    async def failing():
        raise ValueError

    async def work():
        tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(60)), asyncio.create_task(failing())]
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await end_tasks(tasks)
        assert all(task.done() for task in tasks)
        await end_tasks([])
        assert isinstance(tasks[2].exception(), ValueError)

    asyncio.run(work())
