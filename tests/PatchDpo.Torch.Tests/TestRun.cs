// libtorch's random generator is one for the whole process: tests that seed it must not run beside one another.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
