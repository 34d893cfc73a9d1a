// Several ranks are as many processes as a small machine has cores: tests take turns.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
